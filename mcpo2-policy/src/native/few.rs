use std::ops::Deref;

/// Values that need no allocation as long as there are at most `N`.
#[derive(Debug, Clone)]
pub(crate) struct Few<T, const N: usize> {
    inline: [T; N],
    /// How many of those count.
    length: usize,
    /// All of them, once there are more.
    all: Vec<T>,
}

impl<T: Copy + Default, const N: usize> Few<T, N> {
    #[inline]
    pub(crate) fn push(&mut self, value: T) {
        if let Some(place) = self.inline.get_mut(self.length) {
            *place = value;
            self.length += 1;
            return;
        }
        if self.all.is_empty() {
            self.all.reserve(N * 2);
            self.all.extend(self.inline);
        }
        self.all.push(value);
    }
}

impl<T: Copy + Default + Ord, const N: usize> Few<T, N> {
    /// The same in order, each once.
    pub(crate) fn sorted(mut self) -> Self {
        if self.is_sorted_by(|one, two| one < two) {
            return self;
        }
        if !self.all.is_empty() {
            self.all.sort_unstable();
            self.all.dedup();
            return self;
        }
        let mut sorted = self.inline;
        let (sorted, _) = sorted.split_at_mut(self.length);
        sorted.sort_unstable();
        let mut last = None;
        self.length = 0;
        for value in sorted {
            if last != Some(*value) {
                self.push(*value);
            }
            last = Some(*value);
        }
        self
    }
}

impl<T: Copy + Default, const N: usize> Default for Few<T, N> {
    fn default() -> Self {
        Self {
            inline: [T::default(); N],
            length: 0,
            all: Vec::new(),
        }
    }
}

impl<T: Copy + Default, const N: usize> Deref for Few<T, N> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        match self.all.is_empty() {
            true => self.inline.get(..self.length).unwrap_or_default(),
            false => &self.all,
        }
    }
}

impl<T: Copy + Default, const N: usize> Extend<T> for Few<T, N> {
    #[inline]
    fn extend<I: IntoIterator<Item = T>>(&mut self, values: I) {
        values.into_iter().for_each(|value| self.push(value));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn few_are_what_a_vector_is(values in proptest::collection::vec(0..9_u32, 0..9)) {
            let mut few = Few::<u32, 4>::default();
            few.extend(values.iter().copied());
            prop_assert_eq!(&*few, &values[..]);
            let sorted: BTreeSet<_> = values.into_iter().collect();
            prop_assert_eq!(&*few.sorted(), &sorted.into_iter().collect::<Vec<_>>()[..]);
        }
    }
}
