"""The audit as other systems read it: DICOM audit messages over syslog, FHIR AuditEvents."""
