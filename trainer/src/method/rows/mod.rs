//! What happens to the student's rows while it trains.

pub mod noise;
pub mod word_dropout;
