"""The demonstration: the year 2025 in the back office of Harbor Lane, told as commands.

Harbor Lane keeps the books of other firms, and issues wallets with cards. What its clients pay in
lies in a segregated bank account; what they spend is held when the card is shown (authorize),
posted when the shop delivers (settle, often in parts), and given back when it does not (void,
release). The card network is paid every business day. Clerks make mistakes and correct them with
reasons, shops ask for more than they may, cards are declined, the network sends things twice: all
of that stands in the record.

Its accountants work from home. Harbor Lane pays each $500 a month towards housing where a place in
the office would cost $1,000, booked month by month by cost centre, beside what the places of those
who do come in cost.

Everything follows from fixed numbers: no clock, no chance. Each run gives the same commands.
chart.py has the ledger and what must stand first, story.py the commands in their order.
"""
