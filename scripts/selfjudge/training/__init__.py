"""Training a judge; beside `engines` the only package that knows a model."""
