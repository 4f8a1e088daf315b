"""A worker that runs Python tasks: the counterpart of the worker runtime in a page. It needs no Ray."""
