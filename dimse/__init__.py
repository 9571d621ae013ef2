"""Speaks the DICOM network protocol (PS3.7, PS3.8) over asyncio."""
