//! A measurement that is kept: FILE.md says what was measured, where, when and how, and FILE.svg shows it.

use super::place::{machine, today};
use super::plot::Figure;
use std::ffi::OsString;
use std::io;
use std::path::Path;

/// Writes both files. `on` says what of the machine was used.
pub(super) fn write(path: &Path, on: &str, table: &str, figure: &Figure) -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let text = format!(
        "Measured on {} on {}, {on}, by\n\n```sh\ncargo run --release -- {}\n```\n\n{table}",
        today(),
        machine(),
        arguments.join(" "),
    );
    // Not `with_extension`, which would take a part of a name that has a dot in it.
    let file = |extension: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(extension);
        name
    };
    let write = |name: OsString, text: String| {
        let error = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", name.display()));
        std::fs::write(&name, text).map_err(error)
    };
    write(file(".md"), text)?;
    write(file(".svg"), figure.svg())
}
