//! Values by task, in memory that stays flat: ids are counted upwards, so neighbours share a page, and a page goes with
//! the last of its tasks. The newest stays, for the tasks to come.

use alloc::boxed::Box;

use crate::{SortedMap, TaskId};

/// Values of a page: as many as a byte can tell apart. The cost of a look-up grows with the logarithm of the number of pages alone.
const PAGE: u64 = 256;

/// Values by task.
#[derive(Debug)]
pub struct TaskTable<T> {
    pages: SortedMap<u64, Page<T>>,
    len: usize,
}

#[derive(Debug)]
struct Page<T> {
    live: usize,
    slots: Box<[Option<T>]>,
}

impl<T> Default for TaskTable<T> {
    fn default() -> Self {
        Self { pages: SortedMap::default(), len: 0 }
    }
}

impl<T> TaskTable<T> {
    /// The value of a task.
    pub fn get(&self, id: TaskId) -> Option<&T> {
        self.pages.get(&page_of(id))?.slots[slot_of(id)].as_ref()
    }

    /// The value of a task, to change.
    pub fn get_mut(&mut self, id: TaskId) -> Option<&mut T> {
        self.pages.get_mut(&page_of(id))?.slots[slot_of(id)].as_mut()
    }

    /// Puts a value in the place of the one that the task had.
    pub fn insert(&mut self, id: TaskId, value: T) {
        if !self.pages.contains_key(&page_of(id)) {
            self.add_page(page_of(id));
        }
        let Some(page) = self.pages.get_mut(&page_of(id)) else { return };
        if page.slots[slot_of(id)].replace(value).is_none() {
            page.live += 1;
            self.len += 1;
        }
    }

    /// Takes a value out.
    pub fn remove(&mut self, id: TaskId) -> Option<T> {
        let page = self.pages.get_mut(&page_of(id))?;
        let value = page.slots[slot_of(id)].take()?;
        page.live -= 1;
        self.len -= 1;
        let is_empty = page.live == 0;
        if is_empty && self.pages.last().is_some_and(|(newest, _)| newest != page_of(id)) {
            self.pages.remove(&page_of(id));
        }
        Some(value)
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn add_page(&mut self, number: u64) {
        if let Some((newest, page)) = self.pages.last()
            && page.live == 0
        {
            self.pages.remove(&newest);
        }
        let slots = (0..PAGE).map(|_| None).collect();
        self.pages.insert(number, Page { live: 0, slots });
    }
}

const fn page_of(id: TaskId) -> u64 {
    id.0 / PAGE
}

const fn slot_of(id: TaskId) -> usize {
    let [least, ..] = id.0.to_le_bytes();
    least as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_their_task_and_gone_when_taken_out() {
        let mut table = TaskTable::default();
        for id in [1, 2, 255, 256, 1 << 40] {
            table.insert(TaskId(id), id);
        }
        assert_eq!(table.get(TaskId(256)), Some(&256));
        assert_eq!(table.get(TaskId(3)), None);
        assert_eq!(table.remove(TaskId(2)), Some(2));
        assert_eq!(table.remove(TaskId(2)), None);
        *table.get_mut(TaskId(1)).unwrap() = 9;
        assert_eq!(table.get(TaskId(1)), Some(&9));
        assert!(!table.is_empty());
    }

    #[test]
    fn neighbours_share_a_page() {
        let mut table = TaskTable::default();
        (0..2 * PAGE).for_each(|id| table.insert(TaskId(id), ()));
        assert_eq!(table.pages.len(), 2);
    }

    #[test]
    fn a_page_goes_with_the_last_of_its_tasks() {
        let mut table = TaskTable::default();
        for id in 0..10 * PAGE {
            table.insert(TaskId(id), ());
            if id != 5 {
                table.remove(TaskId(id));
            }
        }
        assert_eq!(table.pages.len(), 2, "that of the task which is left, and the newest");
        table.remove(TaskId(5));
        assert!(table.is_empty());
        table.insert(TaskId(11 * PAGE), ());
        assert_eq!(table.pages.len(), 1);
    }
}
