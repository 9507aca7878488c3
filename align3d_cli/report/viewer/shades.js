// What the GPU does: points in the colours of a mode, then light and depth on the picture of them.

const MODES = { heat: 0, part: 1, regions: 2, deviation: 3 };

// Colours are chosen here, by uniforms: a slider that moves changes one number and no point.
const POINT_VERTEX = `
precision highp float;
uniform mat4 clipFromCloud;
uniform float sizePx, low, high, threshold, reach;
uniform int mode;
uniform bool coloured;
uniform sampler2D ramp;
uniform vec3 regionColours[7];
in vec3 position, tint;
in float score, region, off;
out vec3 colour;
const vec3 PLAIN = vec3(0.68), UNSEEN = vec3(0.588);
const vec3 LESS = vec3(0.13, 0.40, 0.67), EVEN = vec3(0.92), MORE = vec3(0.70, 0.35, 0.02);

vec3 heat() {
  if (score < 0.0) return UNSEEN;
  if (score < threshold) return PLAIN;
  float at = clamp((score - low) / (high - low), 0.0, 1.0);
  return texture(ramp, vec2((at * 255.0 + 0.5) / 256.0, 0.5)).rgb;
}

vec3 apart() {
  if (off < -1e29) return UNSEEN;
  float at = clamp(off / reach, -1.0, 1.0);
  return at < 0.0 ? mix(EVEN, LESS, -at) : mix(EVEN, MORE, at);
}

void main() {
  gl_Position = clipFromCloud * vec4(position, 1.0);
  gl_PointSize = sizePx;
  if (mode == 0) colour = heat();
  else if (mode == 1) colour = coloured ? tint : PLAIN;
  else if (mode == 2) colour = region < 0.5 ? PLAIN : regionColours[(int(region + 0.5) - 1) % 7];
  else colour = apart();
}`;

const POINT_FRAGMENT = `
precision highp float;
in vec3 colour;
out vec4 pixel;

void main() {
  vec2 from = gl_PointCoord - 0.5;
  if (dot(from, from) > 0.25) discard;
  pixel = vec4(colour, 1.0);
}`;

const LIGHT_VERTEX = `
precision highp float;
in vec3 position;

void main() {
  gl_Position = vec4(position, 1.0);
}`;

// Head light by the slope of the depth, and eye-dome darkening of what lies behind its neighbours (Boucheny 2009):
// both show the shape without normals. A slope is that of both sides where they agree, else of the flatter one, because
// a step is an edge and no slope.
const LIGHT_FRAGMENT = `
precision highp float;
uniform sampler2D colours, depths;
uniform float depthPx; // pixels from the nearest to the farthest depth
uniform int across; // pixels to the neighbours that are looked at
out vec4 pixel;
const float EMPTY = 0.99999;

float tilt(float here, ivec2 at, ivec2 offset, ivec2 last, inout float behind) {
  float d0 = texelFetch(depths, clamp(at - offset, ivec2(0), last), 0).r;
  float d1 = texelFetch(depths, clamp(at + offset, ivec2(0), last), 0).r;
  bool has0 = d0 < EMPTY, has1 = d1 < EMPTY;
  float before = (here - d0) * depthPx / float(across), after = (d1 - here) * depthPx / float(across);
  if (has0 && before > 1.5) behind += (before - 1.5) * float(across);
  if (has1 && after < -1.5) behind -= (after + 1.5) * float(across);
  if (has0 && has1 && abs(before - after) < 0.7) return (before + after) / 2.0;
  if (has0 && has1) return abs(before) < abs(after) ? before : after;
  return has0 ? before : has1 ? after : 0.0;
}

void main() {
  ivec2 at = ivec2(gl_FragCoord.xy), size = textureSize(depths, 0);
  float here = texelFetch(depths, at, 0).r;
  if (here >= EMPTY) {
    pixel = vec4(0.0);
    return;
  }
  float behind = 0.0;
  float right = tilt(here, at, ivec2(across, 0), size - 1, behind);
  float up = tilt(here, at, ivec2(0, across), size - 1, behind);
  float facing = inversesqrt(1.0 + right * right + up * up);
  float light = (0.42 + 0.58 * facing) * max(0.45, exp(-2.5 * behind / float(size.x)));
  pixel = vec4(texelFetch(colours, at, 0).rgb * light, 1.0);
}`;
