//! One macro for the ladders: an enum of algorithms with their names.

/// Defines the algorithms of one operation. Parameters of an algorithm have a default, used by `ALL` and
/// when one is asked for by name.
macro_rules! algorithms {
    (
        $(#[$doc:meta])*
        enum $enum:ident: $operation:literal {
            $(
                $(#[$variant_doc:meta])*
                $variant:ident $({ $(#[$field_doc:meta])* $field:ident: $default:expr })? = $name:literal,
            )*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $enum {
            $(
                $(#[$variant_doc])*
                $variant $({
                    $(#[$field_doc])*
                    $field: usize
                })?,
            )*
        }

        impl $enum {
            /// The ladder, simplest first.
            pub const ALL: &'static [Self] = &[$(Self::$variant $({ $field: $default })?,)*];

            /// The algorithm's name, as in bench identifiers.
            pub fn name(self) -> &'static str {
                self.call().algorithm
            }

            pub(crate) fn call(self) -> &'static transport::Call {
                match self {
                    $(Self::$variant { .. } => &transport::Call { operation: $operation, algorithm: $name },)*
                }
            }
        }

        impl std::fmt::Display for $enum {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}
pub(crate) use algorithms;
