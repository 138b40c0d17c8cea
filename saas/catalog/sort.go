package catalog

import (
	"cmp"
	"slices"
)

// sortEntries orders entries by name, newest version first.
func sortEntries(list []Entry) {
	slices.SortFunc(list, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), -CompareVersions(a.Version, b.Version))
	})
}
