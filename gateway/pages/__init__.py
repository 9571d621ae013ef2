"""What portal and desk have in common: texts, wording, static files, and pages made of templates."""
