"""Assembles, configures and runs the gateway; holds the portal, the desk and the jobs."""
