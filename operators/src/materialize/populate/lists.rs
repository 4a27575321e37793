//! Word lists that first rows are filled from.

/// City, state or province, country, country code, time zone.
pub(super) const PLACES: [(&str, &str, &str, &str, &str); 32] = [
    ("Lisbon", "Lisbon", "Portugal", "PT", "Europe/Lisbon"),
    ("Berlin", "Berlin", "Germany", "DE", "Europe/Berlin"),
    ("Hamburg", "Hamburg", "Germany", "DE", "Europe/Berlin"),
    ("Paris", "Île-de-France", "France", "FR", "Europe/Paris"),
    ("Lyon", "Auvergne-Rhône-Alpes", "France", "FR", "Europe/Paris"),
    ("Madrid", "Madrid", "Spain", "ES", "Europe/Madrid"),
    ("Rome", "Lazio", "Italy", "IT", "Europe/Rome"),
    ("London", "England", "United Kingdom", "GB", "Europe/London"),
    ("Edinburgh", "Scotland", "United Kingdom", "GB", "Europe/London"),
    ("Dublin", "Leinster", "Ireland", "IE", "Europe/Dublin"),
    ("Amsterdam", "North Holland", "Netherlands", "NL", "Europe/Amsterdam"),
    ("Stockholm", "Stockholm", "Sweden", "SE", "Europe/Stockholm"),
    ("Oslo", "Oslo", "Norway", "NO", "Europe/Oslo"),
    ("Vienna", "Vienna", "Austria", "AT", "Europe/Vienna"),
    ("Zurich", "Zurich", "Switzerland", "CH", "Europe/Zurich"),
    ("Warsaw", "Masovia", "Poland", "PL", "Europe/Warsaw"),
    ("New York", "New York", "United States", "US", "America/New_York"),
    ("Boston", "Massachusetts", "United States", "US", "America/New_York"),
    ("Chicago", "Illinois", "United States", "US", "America/Chicago"),
    ("Austin", "Texas", "United States", "US", "America/Chicago"),
    ("Denver", "Colorado", "United States", "US", "America/Denver"),
    ("Seattle", "Washington", "United States", "US", "America/Los_Angeles"),
    ("San Francisco", "California", "United States", "US", "America/Los_Angeles"),
    ("Toronto", "Ontario", "Canada", "CA", "America/Toronto"),
    ("Vancouver", "British Columbia", "Canada", "CA", "America/Vancouver"),
    ("São Paulo", "São Paulo", "Brazil", "BR", "America/Sao_Paulo"),
    ("Tokyo", "Tokyo", "Japan", "JP", "Asia/Tokyo"),
    ("Osaka", "Osaka", "Japan", "JP", "Asia/Tokyo"),
    ("Seoul", "Seoul", "South Korea", "KR", "Asia/Seoul"),
    ("Singapore", "Singapore", "Singapore", "SG", "Asia/Singapore"),
    ("Mumbai", "Maharashtra", "India", "IN", "Asia/Kolkata"),
    ("Sydney", "New South Wales", "Australia", "AU", "Australia/Sydney"),
];

pub(super) const STREETS: [&str; 20] = [
    "Maple Street",
    "Oak Avenue",
    "Mill Road",
    "Station Road",
    "Harbour View",
    "Church Lane",
    "Park Row",
    "Willow Drive",
    "Bridge Street",
    "King Street",
    "Orchard Way",
    "Cedar Court",
    "Lake Road",
    "Hill Street",
    "Garden Terrace",
    "Market Square",
    "Canal Street",
    "Elm Close",
    "River Walk",
    "Spring Gardens",
];

pub(super) const DOMAINS: [&str; 8] = [
    "example.com",
    "example.org",
    "example.net",
    "mail.example.com",
    "corp.example.com",
    "shop.example.org",
    "team.example.net",
    "web.example.com",
];

pub(super) const COMPANY_ENDS: [&str; 12] = [
    "Ltd",
    "Group",
    "Labs",
    "Partners",
    "Works",
    "Industries",
    "Logistics",
    "Studio",
    "Foods",
    "Systems",
    "& Sons",
    "Consulting",
];

pub(super) const ADJECTIVES: [&str; 36] = [
    "Amber", "Quiet", "Northern", "Bright", "Silver", "Early", "Green", "Open", "Swift", "Golden",
    "Coastal", "Modern", "Urban", "Classic", "Autumn", "Crimson", "Hidden", "Royal", "Summer",
    "Central", "Rapid", "Gentle", "Grand", "Simple", "Solar", "Lunar", "Velvet", "Rustic", "Daily",
    "Prime", "Clear", "Bold", "Spring", "Alpine", "Copper", "Indigo",
];

pub(super) const THINGS: [&str; 28] = [
    "harbor", "meadow", "beacon", "summit", "canyon", "orchard", "river", "forest", "anchor",
    "compass", "bridge", "garden", "lantern", "atlas", "signal", "valley", "island", "prairie",
    "cedar", "falcon", "comet", "delta", "ember", "glacier", "maple", "quartz", "willow", "tide",
];

pub(super) const TITLES: [&str; 30] = [
    "The Long Winter",
    "A Field Guide to Rain",
    "Salt and Ashes",
    "The Glass Orchard",
    "Letters from the Coast",
    "Night Train North",
    "The Cartographer's Son",
    "Small Hours",
    "A House of Open Doors",
    "The Last Lighthouse",
    "Rivers Without Names",
    "Paper Kingdoms",
    "The Clockmaker",
    "Under a Copper Sky",
    "Songs for the Harvest",
    "The Second Harbour",
    "Blue Hour",
    "A Map of Quiet Places",
    "The Winter Garden",
    "Stone and Feather",
    "The Distance Between Stars",
    "Bread and Cinnamon",
    "The Ferryman's Ledger",
    "Echo Valley",
    "An Ordinary Summer",
    "The Ninth Street Band",
    "Tomorrow's Weather",
    "The Bee Keeper",
    "Crossing the Delta",
    "Lanterns on the Lake",
];

pub(super) const AUTHORS: [&str; 16] = [
    "Marta Lindqvist",
    "Jonas Abara",
    "Priya Raman",
    "Elena Petrov",
    "Samuel Okoye",
    "Claire Fontaine",
    "Hiro Tanaka",
    "Ana Ribeiro",
    "Tom Whitfield",
    "Leila Haddad",
    "Grace Oduya",
    "Peter Novak",
    "Ines Duarte",
    "Daniel Weiss",
    "Mei Lin",
    "Olga Sorensen",
];

pub(super) const PRODUCTS: [&str; 30] = [
    "Wireless Mouse",
    "Standing Desk",
    "Ceramic Mug",
    "Trail Backpack",
    "Desk Lamp",
    "Noise-Cancelling Headphones",
    "Water Bottle",
    "Running Shoes",
    "Yoga Mat",
    "Coffee Grinder",
    "Mechanical Keyboard",
    "Rain Jacket",
    "Cast Iron Pan",
    "Bluetooth Speaker",
    "Notebook Set",
    "Espresso Machine",
    "Office Chair",
    "Camping Tent",
    "Bath Towel",
    "Phone Case",
    "Electric Kettle",
    "Wool Scarf",
    "Garden Hose",
    "Wall Clock",
    "Travel Pillow",
    "Chef's Knife",
    "Smart Thermostat",
    "Bookshelf",
    "Bicycle Helmet",
    "Air Purifier",
];

pub(super) const BRANDS: [&str; 10] = [
    "Northwind",
    "Alder & Co",
    "Brightline",
    "Solstice",
    "Kestrel",
    "Fernway",
    "Tidewater",
    "Copperfield",
    "Lumen",
    "Oakridge",
];

pub(super) const PROJECTS: [&str; 24] = [
    "Website redesign",
    "Quarterly planning",
    "Customer survey",
    "Office move",
    "Product launch",
    "Data migration",
    "Hiring plan",
    "Budget review",
    "Mobile app",
    "Spring campaign",
    "Security audit",
    "Onboarding guide",
    "Annual report",
    "Supplier review",
    "Team offsite",
    "Checkout rewrite",
    "Newsletter refresh",
    "Inventory count",
    "Partner workshop",
    "Training week",
    "Brand refresh",
    "Search upgrade",
    "Pricing study",
    "Support backlog",
];

pub(super) const DISHES: [&str; 20] = [
    "Tomato soup",
    "Mushroom risotto",
    "Chicken curry",
    "Caesar salad",
    "Beef stew",
    "Vegetable lasagne",
    "Fish tacos",
    "Pad thai",
    "Lentil dal",
    "Apple pie",
    "Greek salad",
    "Margherita pizza",
    "Salmon teriyaki",
    "Pumpkin ravioli",
    "Shakshuka",
    "Banana bread",
    "Spinach quiche",
    "Ramen",
    "Falafel wrap",
    "Potato gratin",
];

pub(super) const CATEGORIES: [&str; 20] = [
    "electronics",
    "home",
    "books",
    "travel",
    "health",
    "sports",
    "finance",
    "education",
    "music",
    "food",
    "fashion",
    "outdoors",
    "science",
    "technology",
    "business",
    "art",
    "family",
    "gaming",
    "automotive",
    "gardening",
];

pub(super) const GENRES: [&str; 10] = [
    "drama",
    "comedy",
    "mystery",
    "science fiction",
    "jazz",
    "documentary",
    "romance",
    "thriller",
    "folk",
    "fantasy",
];

pub(super) const TAGS: [&str; 16] = [
    "urgent", "new", "summer", "internal", "vip", "review", "archive", "beta", "featured", "sale",
    "team", "weekly", "draft", "legal", "priority", "public",
];

pub(super) const ROLES: [&str; 8] =
    ["admin", "editor", "viewer", "owner", "member", "moderator", "analyst", "guest"];

pub(super) const JOBS: [&str; 12] = [
    "nurse",
    "accountant",
    "software engineer",
    "teacher",
    "designer",
    "electrician",
    "chef",
    "project manager",
    "pharmacist",
    "journalist",
    "architect",
    "sales manager",
];

pub(super) const DEPARTMENTS: [&str; 10] = [
    "Finance",
    "Marketing",
    "Engineering",
    "Support",
    "Operations",
    "Sales",
    "Legal",
    "Research",
    "People",
    "Design",
];

pub(super) const METHODS: [&str; 5] = ["card", "bank transfer", "cash", "voucher", "invoice"];

pub(super) const UNITS: [&str; 6] = ["metric", "kg", "km", "celsius", "litre", "piece"];

pub(super) const COLOURS: [&str; 12] = [
    "red",
    "navy",
    "forest green",
    "white",
    "black",
    "grey",
    "teal",
    "orange",
    "purple",
    "beige",
    "yellow",
    "maroon",
];

pub(super) const LANGUAGES: [&str; 10] =
    ["en", "de", "fr", "es", "pt", "it", "ja", "ko", "nl", "sv"];

pub(super) const EXTENSIONS: [&str; 6] = ["pdf", "csv", "docx", "png", "txt", "xlsx"];

pub(super) const AIRPORTS: [&str; 14] = [
    "LIS", "BER", "CDG", "LHR", "JFK", "SFO", "NRT", "SIN", "SYD", "AMS", "YYZ", "GRU", "DUB",
    "ZRH",
];

pub(super) const SYMBOLS: [&str; 14] = [
    "AAPL", "MSFT", "NVDA", "TSLA", "AMZN", "SAP", "BTC", "ETH", "IBM", "ORCL", "NKE", "SHEL",
    "SOL", "META",
];

pub(super) const REASONS: [&str; 12] = [
    "customer request",
    "duplicate entry",
    "wrong address",
    "schedule conflict",
    "price change",
    "no longer needed",
    "damaged on arrival",
    "late delivery",
    "policy update",
    "found an error",
    "plans changed",
    "out of stock",
];

pub(super) const NOTES: [&str; 14] = [
    "please call before delivery",
    "leave at the front desk",
    "second visit this month",
    "prefers morning hours",
    "waiting for a reply",
    "checked by the support team",
    "handle with care",
    "returning customer",
    "needs a window seat",
    "paid in advance",
    "follow up next week",
    "allergic to nuts",
    "asked for an invoice",
    "confirmed by phone",
];

pub(super) const SENTENCES: [&str; 20] = [
    "Covers the first two weeks of the season.",
    "Replaces the version from last year.",
    "Ready for review by the team.",
    "Collected from the regional offices.",
    "Includes delivery and installation.",
    "Meant for new customers only.",
    "The numbers are from the latest report.",
    "Agreed with the supplier in May.",
    "Runs every weekday at nine.",
    "Suitable for small groups.",
    "The old plan ends this month.",
    "Contains the answers to common questions.",
    "Moved here from the shared folder.",
    "Tested on two devices without problems.",
    "A short guide for beginners.",
    "Please confirm by the end of the week.",
    "Keeps the records of the northern branch.",
    "Prepared for the meeting on Thursday.",
    "Shared with the whole department.",
    "Made from recycled material.",
];
