//! The host side of Eyas.

pub mod verify;
