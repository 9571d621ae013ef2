"""The archive (PACS) where studies come from: asked whether all of a study has come, and for what was deleted here."""
