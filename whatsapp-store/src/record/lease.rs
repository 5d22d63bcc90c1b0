//! Which node may work on what.

/// A lease that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// What is leased, such as `session/shop`.
    pub name: String,
    /// The holder.
    pub owner: String,
    /// Rises with every new holder. A commit that carries it as its [`Fence`] fails once there is a new holder.
    pub token: i64,
    /// When it ends, milliseconds since the Unix epoch.
    pub until: i64,
}

/// A commit's fencing token: the commit is applied only while the lease has that token. Clocks play no part in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// The lease's name, in the workspace of the commit.
    pub name: String,
    /// Its token.
    pub token: i64,
}

impl Lease {
    /// The fence for commits under this lease.
    pub fn fence(&self) -> Fence {
        Fence { name: self.name.clone(), token: self.token }
    }
}
