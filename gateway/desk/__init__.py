"""The desk: where staff find studies, share them with patients, and answer what patients ask."""
