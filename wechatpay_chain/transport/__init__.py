"""The way to the wire: the only rooms that know requests' sessions and urllib3."""
