// What each dress arranges; printed by `python -m persona.strategy dress`.

export const DRESS = {
  neutral: { details: "folded", pictures: "small", shortcuts: false, arrivals: false, motion: "calm" },
  power: { details: "folded", pictures: "small", shortcuts: true, arrivals: false, motion: "still" },
  perfect: { details: "open", pictures: "large", shortcuts: false, arrivals: false, motion: "calm" },
  peace: { details: "folded", pictures: "small", shortcuts: false, arrivals: false, motion: "calm" },
  lively: { details: "folded", pictures: "large", shortcuts: false, arrivals: true, motion: "playful" },
};
