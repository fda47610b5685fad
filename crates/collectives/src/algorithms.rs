//! One macro for the ladders: an enum of algorithms with their names.

/// Defines the algorithms of one operation. The second literal names what else the ranks must agree on:
/// `root`, or nothing. An algorithm may have a parameter of its own instead, with the default that `ALL`
/// uses.
macro_rules! algorithms {
    (
        $(#[$doc:meta])*
        enum $enum:ident: $operation:literal, $parameter:literal {
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
                    $(Self::$variant { .. } => &transport::Call {
                        operation: $operation,
                        algorithm: $name,
                        parameter: parameter_name!($parameter $(, $field)?),
                        counts: false,
                    },)*
                }
            }

            /// The same algorithm on blocks of different lengths.
            #[allow(dead_code, reason = "not every operation has such a form")]
            pub(crate) fn call_with_counts(self) -> &'static transport::Call {
                match self {
                    $(Self::$variant { .. } => &transport::Call {
                        operation: concat!($operation, "_v"),
                        algorithm: $name,
                        parameter: parameter_name!($parameter $(, $field)?),
                        counts: true,
                    },)*
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

/// The name of an algorithm's own parameter, or else of the operation's.
macro_rules! parameter_name {
    ($operations:literal) => {
        $operations
    };
    ($operations:literal, $own:ident) => {
        stringify!($own)
    };
}
pub(crate) use parameter_name;
