"""Read, check and prepare scans; write heat maps back in the form the scan came in."""
