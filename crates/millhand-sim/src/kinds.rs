//! Enums that know all their variants, so that a test can ask for every one of them.

/// Declares an enum without data together with `ALL`, the list of its variants.
macro_rules! kinds {
    ($(#[$about:meta])* pub enum $name:ident { $($(#[$doc:meta])* $variant:ident,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$doc])* $variant,)+
        }

        impl $name {
            /// Every variant.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
        }
    };
}

/// Declares the list of the variants of another crate's enum, and a function that says the place of each in it. A
/// new variant does not compile until it is listed.
macro_rules! listed {
    ($(#[$about:meta])* pub $list:ident: $kind:ident, $place_of:ident = $($variant:ident,)+) => {
        $(#[$about])*
        pub const $list: &[$kind] = &[$($kind::$variant),+];

        const fn $place_of(kind: $kind) -> usize {
            enum Place {
                $($variant,)+
            }
            match kind {
                $($kind::$variant => Place::$variant as usize,)+
            }
        }
    };
}
