//! Properties of the source text itself, checked like any other property.
