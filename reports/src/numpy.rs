//! Embeddings as NumPy saves them: `NAME.npy` has a vector in each row, and `NAME.subjects.npy` the subject of each.
//!
//! The format is NumPy's NEP 1: a magic number, a header that is a Python dictionary, and the elements. The crates for it
//! bring a parser of Python with them.

use crate::error::Error;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The most bytes of a file.
const BYTES_MAX: u64 = 16 << 30;

/// The columns of a file of embeddings.
#[derive(Debug)]
pub(crate) struct Arrays {
    /// The subject of each row.
    pub(crate) subjects: Vec<u32>,
    /// The number of each row among those of its subject; `None` where no file says.
    pub(crate) impressions: Option<Vec<u32>>,
    /// The vectors.
    pub(crate) vectors: Vec<Vec<f32>>,
}

/// Returns whether a file is read as NumPy's.
pub(crate) fn is_numpy(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("npy"))
}

/// Reads a matrix of vectors, and beside it the subjects, and the impressions where they are.
///
/// # Errors
/// [`Error::Numpy`] with the file, and what it needs.
pub(crate) fn read(path: &Path) -> Result<Arrays, Error> {
    let vectors = matrix(path)?;
    let of = |what: &str| path.with_extension(format!("{what}.npy"));
    let (subjects, impressions) = (of("subjects"), of("impressions"));
    if !subjects.exists() {
        let name = subjects.file_name().unwrap_or_default().to_string_lossy();
        return Err(wrong(path, format!("it has no subjects: np.save({name:?}, subjects), one for each row")));
    }
    let subjects = labels(&subjects, vectors.len())?;
    let impressions = impressions.exists().then(|| labels(&impressions, vectors.len())).transpose()?;
    Ok(Arrays { subjects, impressions, vectors })
}

fn wrong(path: &Path, why: impl Into<String>) -> Error {
    Error::Numpy { path: path.to_owned(), why: why.into() }
}

/// An array: its shape, and its elements in the order of the file.
struct Array {
    shape: Vec<usize>,
    is_fortran: bool,
    /// The kind of the elements as NumPy writes it, `f`, `i`, `u`, `b`, `U` or `S`, and the bytes of one.
    kind: char,
    size: usize,
    is_big_endian: bool,
    bytes: Vec<u8>,
}

/// Reads a file of one array.
fn open(path: &Path) -> Result<Array, Error> {
    let mut file = File::open(path).map_err(Error::file(path))?.take(BYTES_MAX + 1);
    let mut all = Vec::new();
    file.read_to_end(&mut all).map_err(Error::file(path))?;
    if all.len() as u64 > BYTES_MAX {
        return Err(wrong(path, "it is too large"));
    }
    let array = header(&all).ok_or_else(|| wrong(path, "it is no .npy file of NumPy"))?;
    if array.kind == 'O' {
        return Err(wrong(path, "it has Python objects: save it as numbers or as strings, with allow_pickle=False"));
    }
    let elements = array.shape.iter().try_fold(array.size, |product, &length| product.checked_mul(length));
    match elements {
        Some(bytes) if array.size > 0 && bytes <= array.bytes.len() => Ok(array),
        Some(_) | None => Err(wrong(path, "it ends before its last element")),
    }
}

/// Reads the header: `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`. `None` where it is another's.
fn header(all: &[u8]) -> Option<Array> {
    let version = *all.strip_prefix(b"\x93NUMPY")?.first()?;
    let (length, from): (usize, usize) = match version {
        1 => (u16::from_le_bytes(all.get(8..10)?.try_into().ok()?).into(), 10),
        _ => (u32::from_le_bytes(all.get(8..12)?.try_into().ok()?) as usize, 12),
    };
    let text = std::str::from_utf8(all.get(from..from.checked_add(length)?)?).ok()?;
    let after = |key: &str| Some(text.split_once(&format!("'{key}'"))?.1.split_once(':')?.1.trim_start());
    let descr = after("descr")?.strip_prefix('\'')?.split('\'').next()?;
    let (order, descr) = descr.split_at_checked(1)?;
    let mut rest = descr.chars();
    let kind = rest.next()?;
    let count: usize = if kind == 'O' { 1 } else { rest.as_str().parse().ok()? };
    let shape = after("shape")?.strip_prefix('(')?.split(')').next()?.split(',').map(str::trim);
    Some(Array {
        shape: shape.filter(|length| !length.is_empty()).map(|length| length.parse().ok()).collect::<Option<_>>()?,
        is_fortran: after("fortran_order")?.starts_with("True"),
        kind,
        size: if kind == 'U' { count.checked_mul(4)? } else { count },
        is_big_endian: order == ">",
        bytes: all[from + length..].to_vec(),
    })
}

impl Array {
    fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Iterates over the elements' bytes, the least significant first.
    fn elements(&self) -> impl Iterator<Item = Vec<u8>> {
        let unit = if self.kind == 'U' { 4 } else { self.size };
        self.bytes.chunks_exact(self.size).take(self.len()).map(move |element| match self.is_big_endian {
            true => element.chunks(unit).flat_map(|one| one.iter().rev()).copied().collect(),
            false => element.to_vec(),
        })
    }

    /// Returns the elements as floats; `None` for kinds that are no numbers.
    fn floats(&self) -> Option<Vec<f32>> {
        let float = |bytes: Vec<u8>| match (self.kind, self.size) {
            ('f', 4) => Some(f32::from_le_bytes(bytes.try_into().ok()?)),
            ('f', 8) => Some(f64::from_le_bytes(bytes.try_into().ok()?) as f32),
            ('i' | 'u', _) => Some(self.whole(&bytes)? as f32),
            _ => None,
        };
        self.elements().map(float).collect()
    }

    /// Returns a whole number.
    fn whole(&self, bytes: &[u8]) -> Option<i128> {
        let is_negative = self.kind == 'i' && bytes.last()? & 0x80 != 0;
        let mut wide = if is_negative { [0xff; 16] } else { [0; 16] };
        wide.get_mut(..bytes.len())?.copy_from_slice(bytes);
        matches!(self.kind, 'i' | 'u').then(|| i128::from_le_bytes(wide))
    }

    /// Returns the elements as text, without the zeros that fill them; `None` for kinds that are no text.
    fn names(&self) -> Option<Vec<String>> {
        let name = |bytes: Vec<u8>| match self.kind {
            'U' => {
                let codes = bytes.chunks_exact(4).map(|code| u32::from_le_bytes([code[0], code[1], code[2], code[3]]));
                codes.take_while(|&code| code != 0).map(char::from_u32).collect()
            }
            'S' => String::from_utf8(bytes.into_iter().take_while(|&byte| byte != 0).collect()).ok(),
            _ => None,
        };
        self.elements().map(name).collect()
    }
}

/// Reads a matrix, row by row in whichever order it is saved.
fn matrix(path: &Path) -> Result<Vec<Vec<f32>>, Error> {
    let array = open(path)?;
    let [rows, columns] = array.shape[..] else {
        return Err(wrong(path, format!("its shape is {:?}: it needs two axes, a vector in each row", array.shape)));
    };
    let floats = array.floats();
    let all = floats.ok_or_else(|| {
        let (kind, bits) = (array.kind, array.size * 8);
        wrong(path, format!("its elements ('{kind}' of {bits} bits) are not read: use float32 or float64"))
    })?;
    let row = |row: usize| match array.is_fortran {
        false => all[row * columns..(row + 1) * columns].to_vec(),
        true => (0..columns).map(|column| all[column * rows + row]).collect(),
    };
    Ok((0..rows).map(row).collect())
}

/// Reads whole numbers as they are, and names by their numbers in order.
fn labels(path: &Path, rows: usize) -> Result<Vec<u32>, Error> {
    let array = open(path)?;
    if array.shape.len() != 1 || array.len() != rows {
        return Err(wrong(
            path,
            format!("its shape is {:?}: it needs one entry for each of {rows} vectors", array.shape),
        ));
    }
    if let Some(names) = array.names() {
        let sorted: BTreeSet<&String> = names.iter().collect();
        let order: BTreeMap<&String, u32> = sorted.into_iter().zip(0..).collect();
        return Ok(names.iter().map(|name| order[name]).collect());
    }
    let number = |bytes: Vec<u8>| array.whole(&bytes).and_then(|number| u32::try_from(number).ok());
    let wrong_row = |row: usize| wrong(path, format!("row {}: it needs a whole number from 0, or a name", row + 1));
    array.elements().enumerate().map(|(row, bytes)| number(bytes).ok_or_else(|| wrong_row(row))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes a file as `numpy.save` does: version 1, the header filled with blanks to a multiple of 64.
    fn save(path: &Path, descr: &str, is_fortran: &str, shape: &str, elements: &[u8]) {
        let mut header = format!("{{'descr': '{descr}', 'fortran_order': {is_fortran}, 'shape': {shape}, }}");
        header.push_str(&" ".repeat(63 - (header.len() + 10) % 64));
        header.push('\n');
        let length = (header.len() as u16).to_le_bytes();
        std::fs::write(path, [b"\x93NUMPY\x01\0", &length[..], header.as_bytes(), elements].concat()).unwrap();
    }

    fn doubles(values: &[f64]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    fn longs(values: &[i64]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    #[test]
    fn vectors_and_subjects_are_read_in_either_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("e.npy");
        save(&folder.path().join("e.subjects.npy"), "<i8", "False", "(2,)", &longs(&[7, 9]));
        for (is_fortran, values) in
            [("False", [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), ("True", [1.0, 4.0, 2.0, 5.0, 3.0, 6.0])]
        {
            save(&path, "<f8", is_fortran, "(2, 3)", &doubles(&values));
            let read = read(&path).unwrap();
            assert_eq!(read.vectors, [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
            assert_eq!((read.subjects, read.impressions), (vec![7, 9], None));
        }
    }

    #[test]
    fn names_and_other_orders_of_bytes_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let (path, subjects) = (folder.path().join("e.npy"), folder.path().join("e.subjects.npy"));
        let big: Vec<u8> = [1.5_f32, -2.0].iter().flat_map(|value| value.to_be_bytes()).collect();
        save(&path, ">f4", "False", "(2, 1)", &big);
        let names: Vec<u8> =
            ['z', 'a'].iter().flat_map(|&c| [u32::from(c), 0].map(u32::to_le_bytes).concat()).collect();
        save(&subjects, "<U2", "False", "(2,)", &names);
        let found = read(&path).unwrap();
        assert_eq!((found.vectors, found.subjects), (vec![vec![1.5], vec![-2.0]], vec![1, 0]));
    }

    #[test]
    fn what_is_wrong_is_said_with_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let (path, subjects) = (folder.path().join("e.npy"), folder.path().join("e.subjects.npy"));
        let refused = |words: &str| {
            let message = read(&path).unwrap_err().to_string();
            assert!(message.contains(words), "{words}: {message}");
        };
        save(&path, "<f8", "False", "(4,)", &doubles(&[1.0; 4]));
        refused("two axes");
        save(&path, "<f8", "False", "(2, 2)", &doubles(&[1.0; 3]));
        refused("ends before");
        save(&path, "|O", "False", "(2, 2)", &[]);
        refused("allow_pickle");
        save(&path, "<c16", "False", "(2, 2)", &[0; 64]);
        refused("float32");
        save(&path, "<f8", "False", "(2, 2)", &doubles(&[1.0; 4]));
        refused("e.subjects.npy");
        save(&subjects, "<i8", "False", "(3,)", &longs(&[1, 2, 3]));
        refused("each of 2 vectors");
        save(&subjects, "<i8", "False", "(2,)", &longs(&[1, -2]));
        refused("row 2");
        std::fs::write(&path, b"\x93NUMPY no").unwrap();
        refused("no .npy file");
    }
}
