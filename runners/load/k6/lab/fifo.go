package lab

// fifo is a queue without bounds, in a ring that doubles when it is full.
type fifo[T comparable] struct {
	ring        []T
	first, size int
}

func (f *fifo[T]) push(item T) {
	if f.size == len(f.ring) {
		grown := make([]T, max(64, 2*len(f.ring)))
		for i := range f.size {
			grown[i] = f.ring[(f.first+i)%len(f.ring)]
		}
		f.ring, f.first = grown, 0
	}
	f.ring[(f.first+f.size)%len(f.ring)] = item
	f.size++
}

// pop takes the oldest item, or returns false.
func (f *fifo[T]) pop() (T, bool) {
	var none T
	if f.size == 0 {
		return none, false
	}
	item := f.ring[f.first]
	f.ring[f.first] = none
	f.first = (f.first + 1) % len(f.ring)
	f.size--
	return item, true
}

// peek is the oldest item, left where it is.
func (f *fifo[T]) peek() (T, bool) {
	if f.size == 0 {
		var none T
		return none, false
	}
	return f.ring[f.first], true
}

// remove takes an item out wherever it stands.
func (f *fifo[T]) remove(item T) {
	for range f.size {
		if next, _ := f.pop(); next != item {
			f.push(next)
		}
	}
}
