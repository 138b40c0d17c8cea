// Package tenancytest is the conformance suite of the stores of tenancy and its
// vault.
//
// It owns what a store must do, cross-tenant reads above all. It does not own
// the rules of the Service, which package tenancy's own tests prove.
//
// Smallest use:
//
//	tenancytest.ExerciseStore(t, func(t *testing.T) tenancytest.Subject {
//		s := tenancydb.New(d)
//		return tenancytest.Subject{Store: s, Keys: s, Tx: d}
//	})
package tenancytest
