//! Tests of refining.
