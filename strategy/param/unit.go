package param

// What strategies write as the unit of an amount, not knowing the market.
const (
	// UnitCounter is the currency that prices are in.
	UnitCounter = "counter currency"
	// UnitBase is the currency that is traded.
	UnitBase = "base currency"
)

// UnitIn is a field's unit with a currency of a market in place of what a strategy calls
// it; an empty currency leaves it as it is.
func UnitIn(unit, base, counter string) string {
	switch {
	case unit == UnitCounter && counter != "":
		return counter
	case unit == UnitBase && base != "":
		return base
	}
	return unit
}
