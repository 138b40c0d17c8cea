package runner

// mostPassed is how many candles a history that does not answer is left alone for at most.
const mostPassed = 15

// patience says when a history is asked that may not answer: if it has failed again and
// again, at fewer and fewer candles, so that one that hangs does not hold each of them up.
// The zero value asks.
type patience struct{ fails, pass int }

// again reports whether the history is asked at this candle.
func (p *patience) again() bool {
	if p.pass > 0 {
		p.pass--
		return false
	}
	return true
}

// answered notes whether the history has answered.
func (p *patience) answered(err error) {
	if err == nil {
		*p = patience{}
		return
	}
	p.pass = min(1<<p.fails-1, mostPassed)
	p.fails = min(p.fails+1, 8)
}
