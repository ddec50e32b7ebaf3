"""The result of a run for people: the page `report.html` and the answers on the terminal."""
