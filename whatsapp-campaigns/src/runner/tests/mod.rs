mod bench;
mod ears;
mod life;
mod nodes;
mod sending;
