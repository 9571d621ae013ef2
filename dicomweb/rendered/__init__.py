"""The Retrieve transaction for rendered resources: what eyes without a DICOM viewer get (PS3.18 8.7.4)."""
