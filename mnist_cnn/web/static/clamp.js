// What several scripts need; `build_part` puts it before each.
const clamp = (value, least, most) => Math.min(Math.max(value, least), most);

