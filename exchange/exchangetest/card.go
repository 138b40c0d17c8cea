package exchangetest

import (
	"slices"
	"strings"
	"testing"
)

// Card is one promise and its proof.
type Card struct {
	// Name is unique.
	Name string
	// Proves says in a sentence what holds if the card passes, with the rule.
	Proves string
	// Needs are the capabilities without which there is nothing to prove.
	Needs []Capability
	run   func(*desk)
}

// Cards lists all cards.
func Cards() []Card {
	return slices.Concat(
		orderCards(), clientIDCards(), ruleCards(), kindCards(), cancelCards(), fillCards(), moneyCards(), ledgerCards(), outcomeCards(),
		publicCards(), streamCards(),
	)
}

// Run proves the card on a bench that nobody else uses.
func (c Card) Run(t testing.TB, b *Bench) {
	t.Helper()
	if err := b.validate(c.Needs); err != nil {
		t.Fatal(err)
	}
	c.run(newDesk(t, b))
}

// Venue is a venue to exercise.
type Venue struct {
	// Name is how messages call it.
	Name string
	// Has lists its capabilities.
	Has []Capability
	// Open makes it ready for one card. It is called once for each card that is not
	// skipped, for several at once.
	Open func(t testing.TB) *Bench
}

// Lacks lists what a card needs and the venue does not have.
func (v Venue) Lacks(c Card) []Capability {
	return slices.DeleteFunc(slices.Clone(c.Needs), func(need Capability) bool { return slices.Contains(v.Has, need) })
}

// Exercise runs the cards as parallel subtests. A card is skipped if the venue
// lacks a capability that it needs.
func Exercise(t *testing.T, v Venue) {
	t.Helper()
	for _, c := range Cards() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			if lacks := v.Lacks(c); len(lacks) > 0 {
				names := make([]string, len(lacks))
				for i, need := range lacks {
					names[i] = string(need)
				}
				t.Skipf("the venue %s has not: %s", v.Name, strings.Join(names, ", "))
			}
			c.Run(t, v.Open(t))
		})
	}
}
