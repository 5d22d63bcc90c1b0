//! Who may work on what, when there are several nodes.

/// A lease that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// What is leased, such as `session/shop`.
    pub name: String,
    /// Who has it.
    pub owner: String,
    /// Rises with every new holder. A commit that carries it as its [`Fence`] fails once somebody else has the lease.
    pub token: i64,
    /// When it ends, milliseconds since the Unix epoch.
    pub until: i64,
}

/// What a commit stands on: it is only applied while that lease still has that token. Clocks play no part in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// The lease's name, in the workspace of the commit.
    pub name: String,
    /// Its token.
    pub token: i64,
}

impl Lease {
    /// What commits under this lease carry.
    pub fn fence(&self) -> Fence {
        Fence { name: self.name.clone(), token: self.token }
    }
}
