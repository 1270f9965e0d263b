"""Times the searches for doctors and slots: figures, not tests."""
