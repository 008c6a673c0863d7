// Lines of the cards, the rating, the panel and the shortcuts.

const plural = (count, one, more = `${one}s`) => `${count} ${count === 1 ? one : more}`;

// The shop's own names are Chinese; codes that are not here keep them.
const STATES = {
  unpaid: "To be paid", paid: "Being packed", shipped: "On its way", exception: "Held up", delivered: "Delivered",
  refunding: "Being refunded", refunded: "Refunded", cancelled: "Cancelled",
  submitted: "In review", approved: "To be sent back", received: "Being checked", done: "Done", rejected: "Declined", withdrawn: "Withdrawn",
  usable: "Usable", ending: "Ends soon",
};
const KINDS = { refund: "Refund only", return: "Return and refund", exchange: "Exchange", repair: "Repair" };
const known = (names, code, label) => (label && Object.hasOwn(names, code) ? names[code] : label);

export const VIEWS = {
  cards: {
    state: (code, label) => known(STATES, code, label), kind: (code, label) => known(KINDS, code, label),
    order: "Order", parcel: "Parcel, order", request: "Request", trace: "Tracking", progress: "Progress", coupon: "Coupon", policy: "Policy", clause: "Note",
    payBy: "Pay by", shipBy: "Ships by", expectedBy: "Expected", deliveredAt: "Delivered", promisedBy: "Promised", placedAt: "Ordered",
    trackingNumber: "Tracking no.", reason: "Reason", refund: "Refund", reviewBy: "Reviewed by", refundBy: "Refunded by", createdAt: "Requested",
    total: "Total", freight: "Shipping", freeFreight: "Free shipping", discount: "Discount",
    pieces: (count) => plural(count, "item"),
    times: (count) => `×${count}`,
    earlier: (count) => plural(count, "earlier step"),
    track: "Track", aftersale: "Return or exchange", detail: "Details",
    products: (count) => `Products, ${count} in all`,
    nth: (at, count) => `${at} of ${count}`,
    previous: "Previous", next: "Next", askProduct: "Ask about it", arrivals: "New arrivals",
    rating: (score) => `Rated ${score}`,
    sold: (count) => `${count} sold in 30 days`,
    soldOut: "Sold out",
    comparison: "Comparison", price: "Price", differs: " (differs)", unknown: "—", hideAlike: "Only what differs",
    showAlike: (count) => `Show ${plural(count, "row")} that are alike`,
    coupons: (count) => plural(count, "coupon"),
    off: (text) => (/^\d(\.\d)?$/.test(text) ? `${100 - Number(text) * 10}% off` : text),
    from: (sum) => `from ${sum}`,
    fromAny: "no minimum",
    until: (day) => `until ${day}`,
    policyOf: (title) => `Full text: ${title}`,
    clauses: (count) => plural(count, "clause"),
    basis: (rule) => `Based on: ${rule}`,
    told: "said above",
    picture: "Picture from our team", myPicture: "Your picture", pictureLost: "This picture cannot be opened", close: "Close",
    enlarge: (name) => `Enlarge: ${name}`,
  },
  rating: {
    title: "Rating", question: "How was our service?", score: "Overall",
    names: ["Very poor", "Poor", "Fair", "Good", "Very good"],
    dimensions: { product: "Product", service: "Service", experience: "Experience", emotion: "Care", social: "Community" },
    details: "Rate in detail (optional)", comment: "Anything else (optional)",
    send: "Submit", sending: "Submitting", retry: "Try again", failed: "It was not submitted. What you filled in is still here.",
    thanks: "We have your rating. Thank you.", change: "Change it", keep: "Leave it",
  },
  panel: {
    title: "How we talk with you", close: "Close",
    what: "The assistant looks at how you write here and at your earlier orders to choose how much to say and in what tone. You can choose for yourself, or switch it off.",
    same: "Prices, policies, your rights and your place in the queue are the same for everyone.",
    looking: "Looking it up", present: "How we talk with you now", neutral: "Plainly: what needs to be said.",
    choose: "Choose another", follow: "As the chat goes", followAbout: "Leave it to the assistant",
    firstOn: "Switch personalisation on first, then choose.",
    personalisation: "Personalisation", offDeletes: "Switching it off deletes what was inferred.", onAgain: "It is off: nothing is inferred or kept.",
    chosen: "Done, as you chose.", turnedOff: "It is off, and what was inferred has been deleted.", turnedOn: "It is on.",
    // The front names the styles in Chinese.
    styles: {
      neutral: { name: "Standard", about: "The answer first, then the next step" },
      power: { name: "Short and direct", about: "The conclusion first, and only what you need" },
      perfect: { name: "Thorough and exact", about: "Conditions, times and amounts, all of them" },
      peace: { name: "Gentle and steady", about: "No hurry, and no pressure" },
      lively: { name: "Light and playful", about: "Easy-going, with what is new" },
    },
    failed: "That did not work. Please try again later.", retry: "Try again", reading: "See how it reads me",
  },
  reading: {
    served: "Style", unsure: "not sure yet", mood: "Mood", colon: ": ", cues: "Cues", none: "No clear cues in this message.",
    off: "Personalisation is off: nothing is inferred or kept.", empty: "Send a message, and what was read in it appears here.",
    sources: { lexicon: "words", style: "way of writing", classifier: "tone", history: "history" },
    supports: (type) => `for ${type}`,
    against: (type) => `against ${type}`,
    types: { power: "Power", perfect: "Perfect", peace: "Peace", lively: "Lively" },
    styles: { neutral: "Standard", power: "Short and direct", perfect: "Thorough and exact", peace: "Gentle and steady", lively: "Light and playful" },
    moods: { calm: "calm", angry: "angry", complaining: "complaining", hesitant: "hesitant", cheerful: "cheerful", worried: "worried" },
    cueNames: {
      "style:short": "writes briefly", "style:long": "writes at length", "style:questions": "many questions", "style:clauses": "several things at once",
      "style:figures": "many figures", "style:particles": "many particles", "style:tildes": "likes tildes", "style:shouts": "many exclamation marks",
      "style:dots": "likes ellipses", "style:polite": "polite", "style:plain_thanks": "just says thanks", "style:you_formal": "formal “you”",
      "style:imperative": "tells what to do", "style:answers_question": "answers to the point", "style:after_refusal": "accepts a refusal",
      "style:pushes_on": "insists after a refusal", "style:asks_on": "keeps asking", "style:burst": "message after message",
      "history:express": "often chooses express", "history:urging": "has urged an order", "history:quick_buy": "buys quickly",
      "history:late_returns": "returned late parcels", "history:slow_buy": "looks long before buying", "history:details": "reads specifications",
      "history:comparing": "compares", "history:fine_returns": "returned over details", "history:exact_reviews": "writes exact reviews",
      "history:customising": "customises", "history:same_brand": "loyal to a brand", "history:few_returns": "rarely returns",
      "history:kind_reviews": "short, kind reviews", "history:new_arrivals": "buys new arrivals", "history:emoji_reviews": "emoji in reviews",
      "history:picture_reviews": "posts pictures", "history:much_browsing": "browses a lot", "history:stored": "earlier conversations",
      classifier: "tone of the whole message",
    },
  },
  shortcuts: {
    label: "Shortcuts",
    names: { track: "Track parcel", orders: "My orders", aftersale: "Returns", human: "Talk to a person" },
  },
};
