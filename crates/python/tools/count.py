"""Says how many tests passed and failed, from a JUnit file: `pytest: 12 passed, 0 failed`."""

import sys
import xml.etree.ElementTree as xml

suite = next(xml.parse(sys.argv[1]).getroot().iter("testsuite"))
total, skipped = int(suite.get("tests", 0)), int(suite.get("skipped", 0))
failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
print(f"pytest: {total - failed - skipped} passed, {failed} failed, {skipped} skipped or known")
