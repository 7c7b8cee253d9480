#[path = "../../crates/testkit/src/sim/dice.rs"]
#[allow(dead_code)]
mod dice;
pub use dice::Dice;
