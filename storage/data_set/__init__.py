"""From the bytes of a Part 10 file to data elements, DICOM JSON and the places of frames."""
