package indicator

// tree keeps the values of a window in order, with the number and the sum of
// those below any node, so that an update and a question cost a logarithm of
// steps. It is a treap (Aragon and Seidel, Randomized Search Trees, 1989) whose
// priorities follow from the slots, so that the same values in the same slots
// make the same tree, and sums with the same bits, however they came there.
type tree struct {
	root  int // a slot plus one; 0 is none
	nodes []node
}

type node struct {
	left, right int
	count       int
	value, sum  float64
}

func newTree(n int) tree { return tree{nodes: make([]node, n+1)} }

// priority mixes a slot's number (the finaliser of splitmix64).
func priority(i int) uint64 {
	x := uint64(i) * 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// before orders two nodes by value, and by slot where these are equal.
func (t *tree) before(a, b int) bool {
	if x, y := t.nodes[a].value, t.nodes[b].value; x != y {
		return x < y
	}
	return a < b
}

func (t *tree) measure(i int) {
	n := &t.nodes[i]
	l, r := &t.nodes[n.left], &t.nodes[n.right]
	n.count = 1 + l.count + r.count
	n.sum = l.sum + n.value + r.sum
}

// insert puts a value into a free slot.
func (t *tree) insert(slot int, x float64) {
	i := slot + 1
	t.nodes[i] = node{value: x, count: 1, sum: x}
	t.root = t.join(t.root, i)
}

// join adds the node i, which is alone, to the tree below at.
func (t *tree) join(at, i int) int {
	if at == 0 {
		return i
	}
	if priority(i) > priority(at) {
		t.nodes[i].left, t.nodes[i].right = t.split(at, i)
		t.measure(i)
		return i
	}
	if t.before(i, at) {
		t.nodes[at].left = t.join(t.nodes[at].left, i)
	} else {
		t.nodes[at].right = t.join(t.nodes[at].right, i)
	}
	t.measure(at)
	return at
}

// split cuts the tree below at into the nodes before i and those after it.
func (t *tree) split(at, i int) (left, right int) {
	if at == 0 {
		return 0, 0
	}
	if t.before(at, i) {
		t.nodes[at].right, right = t.split(t.nodes[at].right, i)
		t.measure(at)
		return at, right
	}
	left, t.nodes[at].left = t.split(t.nodes[at].left, i)
	t.measure(at)
	return left, at
}

// remove takes the value of a slot out.
func (t *tree) remove(slot int) { t.root = t.cut(t.root, slot+1) }

func (t *tree) cut(at, i int) int {
	switch {
	case at == 0:
		return 0
	case at == i:
		return t.merge(t.nodes[i].left, t.nodes[i].right)
	case t.before(i, at):
		t.nodes[at].left = t.cut(t.nodes[at].left, i)
	default:
		t.nodes[at].right = t.cut(t.nodes[at].right, i)
	}
	t.measure(at)
	return at
}

// merge makes one tree of two, all of whose nodes are before those of the other.
func (t *tree) merge(a, b int) int {
	switch {
	case a == 0:
		return b
	case b == 0:
		return a
	case priority(a) > priority(b):
		t.nodes[a].right = t.merge(t.nodes[a].right, b)
		t.measure(a)
		return a
	}
	t.nodes[b].left = t.merge(a, t.nodes[b].left)
	t.measure(b)
	return b
}

// below returns how many values are below x, and their sum.
func (t *tree) below(x float64) (count int, sum float64) {
	for at := t.root; at != 0; {
		n := &t.nodes[at]
		if n.value >= x {
			at = n.left
			continue
		}
		l := &t.nodes[n.left]
		count += l.count + 1
		sum += l.sum + n.value
		at = n.right
	}
	return count, sum
}
