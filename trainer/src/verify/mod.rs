//! Compares a student with itself on other processors.

pub mod cortex_m4;
