//! From a real-valued template to the set that a vault locks.

use crate::Template;

/// Takes the set of a real-valued form: the ones of every element's codeword.
///
/// Shape: N (q - 1)/2 different indices below N (q - 1); index i N + e is bit i of element e's codeword. The same for a
/// form of any scale and any common offset. Equal elements are ranked in their order.
pub(super) fn set_of(real: &[f32], elements: usize, intervals: usize) -> Vec<usize> {
    let levels = levels(&projected(real, elements), intervals);
    let ones = |bit: usize| (0..elements).filter(move |&e| levels[e] > bit).map(move |e| bit * elements + e);
    (0..intervals - 1).flat_map(|bit| ones.clone()(bit).collect::<Vec<_>>()).collect()
}

/// Projects the form, less its mean, on public directions.
fn projected(real: &[f32], elements: usize) -> Vec<f32> {
    let mean = real.iter().sum::<f32>() / real.len().max(1) as f32;
    Template::from_embedding(real.iter().map(|x| x - mean).collect(), elements).margins().to_vec()
}

/// Returns each value's interval, 0 to q - 1, of which each has equally many.
fn levels(values: &[f32], intervals: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]).then(a.cmp(&b)));
    let mut levels = vec![0; values.len()];
    order.into_iter().enumerate().for_each(|(rank, i)| levels[i] = rank * intervals / values.len());
    levels
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(offset: f32, scale: f32) -> Vec<f32> {
        (0..100).map(|i| offset + scale * (((i * i) % 23) as f32 - 11.0)).collect()
    }

    #[test]
    fn a_set_has_one_size_and_keeps_to_its_universe() {
        for (elements, intervals) in [(64, 2), (64, 4), (512, 2), (240, 3), (256, 16)] {
            let set = set_of(&form(0.0, 1.0), elements, intervals);
            assert_eq!(set.len(), elements * (intervals - 1) / 2);
            assert!(set.windows(2).all(|w| w[0] < w[1]) && set.iter().all(|&i| i < elements * (intervals - 1)));
        }
    }

    #[test]
    fn a_codeword_is_ones_and_then_zeros() {
        assert_eq!(levels(&[0.3, -2.0, 5.0, 0.2], 4), [2, 0, 3, 1]);
        let set = set_of(&form(0.0, 1.0), 64, 4);
        // Whoever has a higher bit has the lower ones too.
        assert!(set.iter().filter(|&&i| i >= 64).all(|i| set.contains(&(i - 64))));
    }

    #[test]
    fn scale_and_common_offset_do_not_matter() {
        let set = set_of(&form(0.0, 1.0), 128, 4);
        assert_eq!(set_of(&form(0.0, 0.25), 128, 4), set);
        let moved = set_of(&form(8.0, 1.0), 128, 4);
        // The sum of 100 numbers is rounded: an element at a bound may change sides.
        assert!(moved.iter().filter(|i| !set.contains(i)).count() <= 4);
    }

    #[test]
    fn nothing_and_what_is_no_number_have_a_set() {
        assert_eq!(set_of(&[], 64, 2).len(), 32);
        assert_eq!(set_of(&[f32::NAN; 8], 64, 2).len(), 32);
    }
}
