"""The tests of shapewright; a package, so that tests can share helpers (`from tests.… import …`)."""
