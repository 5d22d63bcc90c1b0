mod bad_input;
mod bench;
mod life;
mod queries;
mod races;
mod simulations;
mod unseen;
