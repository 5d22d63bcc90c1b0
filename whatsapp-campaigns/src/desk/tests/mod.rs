mod bad_input;
mod bench;
mod life;
mod looks;
mod races;
mod simulations;
