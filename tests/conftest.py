"""Settings of all tests."""

from hypothesis import settings

# An example may take long on a busy machine; what must be fast is measured by tests of its own.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")
