// Package billingtest is the conformance suite of billing.Store, and the few
// things that tests of billing need: a clock, a recorder of events, and a storm
// of calls at once.
//
// It owns what every store must do, which is tested here once and run for each.
// It does not own the tests of the rules above the store.
//
// Smallest use:
//
//	func TestStore(t *testing.T) {
//		billingtest.ExerciseStore(t, func(t *testing.T) (billing.Store, billing.Tx) { … })
//	}
package billingtest
