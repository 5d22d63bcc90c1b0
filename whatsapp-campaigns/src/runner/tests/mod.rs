mod agreement;
mod bench;
mod ears;
mod life;
mod nodes;
mod properties;
mod screening;
mod sending;
