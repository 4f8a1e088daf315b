//! Small maps and sets in order, as plain lists: one search that all of them share, where each B-tree would bring kilobytes
//! of code to every page. To insert and remove moves what is behind: they are for workers and kinds, of which there are
//! some, not for tasks.

use alloc::vec::Vec;

/// Values by key, in the order of the keys.
#[derive(Debug)]
pub struct SortedMap<K, V> {
    entries: Vec<(K, V)>,
}

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        Self { entries: Vec::new() }
    }
}

impl<K: Copy + Ord, V> SortedMap<K, V> {
    /// The value of a key.
    pub fn get(&self, key: &K) -> Option<&V> {
        let place = self.find(key).ok()?;
        self.entries.get(place).map(|(_, value)| value)
    }

    /// The value of a key, to change.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let place = self.find(key).ok()?;
        self.entries.get_mut(place).map(|(_, value)| value)
    }

    /// Whether there is a value of that key.
    pub fn contains_key(&self, key: &K) -> bool {
        self.find(key).is_ok()
    }

    /// Puts a value in the place of the one that the key had.
    pub fn insert(&mut self, key: K, value: V) {
        match self.find(&key) {
            Ok(place) => self.entries[place].1 = value,
            Err(place) => self.entries.insert(place, (key, value)),
        }
    }

    /// Takes a value out.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let place = self.find(key).ok()?;
        Some(self.entries.remove(place).1)
    }

    /// The value of the greatest key.
    pub fn last(&self) -> Option<(K, &V)> {
        self.entries.last().map(|(key, value)| (*key, value))
    }

    /// All keys, the least first.
    pub fn keys(&self) -> impl Iterator<Item = K> {
        self.entries.iter().map(|(key, _)| *key)
    }

    /// All keys and values, the least key first.
    pub fn iter(&self) -> impl Iterator<Item = (K, &V)> {
        self.entries.iter().map(|(key, value)| (*key, value))
    }

    /// The same, to change the values.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (K, &mut V)> {
        self.entries.iter_mut().map(|(key, value)| (*key, value))
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn find(&self, key: &K) -> Result<usize, usize> {
        // What is counted upwards comes in at the end.
        match self.entries.last() {
            Some((last, _)) if last < key => Err(self.entries.len()),
            _ => self.entries.binary_search_by(|(other, _)| other.cmp(key)),
        }
    }
}

impl<K, V> IntoIterator for SortedMap<K, V> {
    type Item = (K, V);
    type IntoIter = alloc::vec::IntoIter<(K, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

/// Keys in order.
#[derive(Debug)]
pub struct SortedSet<K> {
    keys: SortedMap<K, ()>,
}

impl<K> Default for SortedSet<K> {
    fn default() -> Self {
        Self { keys: SortedMap::default() }
    }
}

impl<K: Copy + Ord> SortedSet<K> {
    /// Whether it has the key.
    pub fn contains(&self, key: &K) -> bool {
        self.keys.contains_key(key)
    }

    /// Puts a key in; `false` if it was there.
    pub fn insert(&mut self, key: K) -> bool {
        let is_new = !self.keys.contains_key(&key);
        self.keys.insert(key, ());
        is_new
    }

    /// Takes a key out.
    pub fn remove(&mut self, key: &K) {
        self.keys.remove(key);
    }

    /// The least.
    pub fn first(&self) -> Option<K> {
        self.iter().next()
    }

    /// The greatest.
    pub fn last(&self) -> Option<K> {
        self.keys.last().map(|(key, ())| key)
    }

    /// All, the least first.
    pub fn iter(&self) -> impl Iterator<Item = K> {
        self.keys.keys()
    }

    /// Takes all out.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_order_however_they_come() {
        let mut set = SortedSet::default();
        for key in [5, 1, 9, 3, 5] {
            set.insert(key);
        }
        assert!(!set.insert(9));
        assert_eq!(set.iter().collect::<Vec<_>>(), [1, 3, 5, 9]);
        assert!(set.contains(&3) && !set.contains(&4));
        set.remove(&1);
        set.remove(&4);
        assert_eq!((set.first(), set.last(), set.len()), (Some(3), Some(9), 3));
        set.clear();
        assert!(set.is_empty());
    }

    #[test]
    fn values_are_found_changed_and_taken_out() {
        let mut map = SortedMap::default();
        for key in [2, 1, 3] {
            map.insert(key, key * 10);
        }
        map.insert(2, 21);
        if let Some(value) = map.get_mut(&3) {
            *value += 1;
        }
        assert_eq!((map.get(&2), map.get(&3), map.get(&4)), (Some(&21), Some(&31), None));
        assert_eq!((map.remove(&1), map.remove(&1)), (Some(10), None));
        assert_eq!(map.into_iter().collect::<Vec<_>>(), [(2, 21), (3, 31)]);
    }
}
