//! For a backend that builds on another: forwards whole domains to it.
//!
//! A store that measures, caches or watches another one needs only the methods that it changes.
//! [`delegate_store!`](crate::delegate_store) forwards the domains that it names; the backend implements the others.
#![allow(missing_docs, reason = "what is here is for the macro")]
#[doc(hidden)]
pub use std::ops::Range;

#[doc(hidden)]
pub use async_trait::async_trait;
#[doc(hidden)]
pub use bytes::Bytes;

/// Implements reading traits by forwarding to a field. The field is a store, or anything that dereferences to one, such as
/// `Arc<dyn Store>`. [`Store`](crate::Store) itself, with `commit`, stays to be written.
///
/// - `delegate_store!(MyStore => inner)`: all of them,
/// - `delegate_store!(MyStore => inner, except DeviceStore, SignalStore)`: all but these, also those that a later version adds,
/// - `delegate_store!(MyStore => inner: DeviceStore, SignalStore)`: these,
/// - `delegate_store!(MyStore => inner, through note)`: all of them, each answer through `MyStore::note`, a method from
///   `Result<T>` to `Result<T>`.
///
/// ```
/// use std::sync::Arc;
/// use whatsapp_store::{DeviceStore, SignalStore, Store, delegate_store};
///
/// struct Keys {
///     inner: Arc<dyn Store>,
/// }
///
/// delegate_store!(Keys => inner: DeviceStore, SignalStore);
///
/// fn reads<T: DeviceStore + SignalStore>() {}
/// reads::<Keys>();
/// ```
#[macro_export]
macro_rules! delegate_store {
    ($backend:ty => $field:ident) => {
        $crate::delegate_store!($backend => $field, except);
    };
    ($backend:ty => $field:ident, through $note:ident) => {
        $crate::with_domains! { $crate::delegate_domains! all but [] ($backend, $field, $note) }
    };
    ($backend:ty => $field:ident, except $($own:ident),* $(,)?) => {
        $crate::with_domains! { $crate::delegate_domains! all but [$($own)*] ($backend, $field) }
    };
    ($backend:ty => $field:ident: $($domain:ident),+ $(,)?) => {
        $crate::with_domains! { $crate::delegate_domains! only [$($domain)+] ($backend, $field) }
    };
}

/// A macro cannot ask whether two names are the same, but a macro that it makes can: `forward!` has an arm for each name.
#[doc(hidden)]
#[macro_export]
macro_rules! delegate_domains {
    (all but [$($own:ident)*] $to:tt $($domain:ident($forward:ident);)+) => {
        const _: () = {
            #[allow(unused_macro_rules)]
            macro_rules! forward {
                $(($own) => {};)*
                $(($domain) => { $crate::$forward! $to };)+
            }
            $(forward!($domain);)+
        };
    };
    (only [$($named:ident)+] $to:tt $($domain:ident($forward:ident);)+) => {
        const _: () = {
            #[allow(unused_macro_rules)]
            macro_rules! forward {
                $(($domain) => { $crate::$forward! $to };)+
            }
            $(forward!($named);)+
        };
    };
}

/// Makes a domain's trait and, under the name that comes before it, the macro that forwards it, so that each method is
/// written once.
macro_rules! store_trait {
    ($forward:ident; $($item:tt)+) => {
        #[async_trait::async_trait]
        $($item)+
        forwarding! { ($) $forward $($item)+ }
    };
}

/// `$dollar` is a `$` of the macro that is made.
macro_rules! forwarding {
    (
        ($dollar:tt) $forward:ident
        $(#[$_about:meta])*
        pub trait $domain:ident {
            $(
                $(#[$_doc:meta])*
                async fn $method:ident(&self $(, $argument:ident: $type:ty)* $(,)?) -> $answer:ty;
            )+
        }
    ) => {
        #[doc(hidden)]
        #[macro_export]
        macro_rules! $forward {
            ($dollar backend:ty, $dollar field:ident, $dollar note:ident) => {
                const _: () = {
                    #[allow(unused_imports)]
                    use $crate::{delegate::*, *};
                    #[async_trait]
                    impl $domain for $dollar backend {
                        $(
                            async fn $method(&self $(, $argument: $type)*) -> $answer {
                                self.$dollar note($domain::$method(&*self.$dollar field $(, $argument)*).await)
                            }
                        )+
                    }
                };
            };
            ($dollar backend:ty, $dollar field:ident) => {
                const _: () = {
                    #[allow(unused_imports)]
                    use $crate::{delegate::*, *};
                    #[async_trait]
                    impl $domain for $dollar backend {
                        $(
                            async fn $method(&self $(, $argument: $type)*) -> $answer {
                                $domain::$method(&*self.$dollar field $(, $argument)*).await
                            }
                        )+
                    }
                };
            };
        }
    };
}
