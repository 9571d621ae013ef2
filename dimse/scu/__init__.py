"""The SCU side: associations that we ask for, and what we do on them. Everything here blocks; callers use threads."""
