"""What result rows say: intervals, tests, differences."""
