import Anchor from "@lucide/svelte/icons/anchor";
import Apple from "@lucide/svelte/icons/apple";
import Axe from "@lucide/svelte/icons/axe";
import Banana from "@lucide/svelte/icons/banana";
import Bed from "@lucide/svelte/icons/bed";
import Bell from "@lucide/svelte/icons/bell";
import Bike from "@lucide/svelte/icons/bike";
import Bird from "@lucide/svelte/icons/bird";
import Bone from "@lucide/svelte/icons/bone";
import Book from "@lucide/svelte/icons/book";
import Bug from "@lucide/svelte/icons/bug";
import Bus from "@lucide/svelte/icons/bus";
import Cake from "@lucide/svelte/icons/cake";
import Camera from "@lucide/svelte/icons/camera";
import Carrot from "@lucide/svelte/icons/carrot";
import Cat from "@lucide/svelte/icons/cat";
import Cherry from "@lucide/svelte/icons/cherry";
import Clock from "@lucide/svelte/icons/clock";
import Cloud from "@lucide/svelte/icons/cloud";
import Clover from "@lucide/svelte/icons/clover";
import Coffee from "@lucide/svelte/icons/coffee";
import Compass from "@lucide/svelte/icons/compass";
import Cookie from "@lucide/svelte/icons/cookie";
import Crown from "@lucide/svelte/icons/crown";
import Dice from "@lucide/svelte/icons/dices";
import Dog from "@lucide/svelte/icons/dog";
import Drum from "@lucide/svelte/icons/drum";
import Egg from "@lucide/svelte/icons/egg";
import Eye from "@lucide/svelte/icons/eye";
import Feather from "@lucide/svelte/icons/feather";
import Fish from "@lucide/svelte/icons/fish";
import Flag from "@lucide/svelte/icons/flag";
import Flame from "@lucide/svelte/icons/flame";
import Flower from "@lucide/svelte/icons/flower-2";
import Diamond from "@lucide/svelte/icons/gem";
import Gift from "@lucide/svelte/icons/gift";
import Glasses from "@lucide/svelte/icons/glasses";
import Grapes from "@lucide/svelte/icons/grape";
import Guitar from "@lucide/svelte/icons/guitar";
import Hammer from "@lucide/svelte/icons/hammer";
import Heart from "@lucide/svelte/icons/heart";
import Key from "@lucide/svelte/icons/key";
import Lamp from "@lucide/svelte/icons/lamp";
import Leaf from "@lucide/svelte/icons/leaf";
import Magnet from "@lucide/svelte/icons/magnet";
import Moon from "@lucide/svelte/icons/moon";
import Mountain from "@lucide/svelte/icons/mountain";
import Pencil from "@lucide/svelte/icons/pencil";
import Piano from "@lucide/svelte/icons/piano";
import Plane from "@lucide/svelte/icons/plane";
import Rabbit from "@lucide/svelte/icons/rabbit";
import Rocket from "@lucide/svelte/icons/rocket";
import Scissors from "@lucide/svelte/icons/scissors";
import Shell from "@lucide/svelte/icons/shell";
import Ship from "@lucide/svelte/icons/ship";
import Shirt from "@lucide/svelte/icons/shirt";
import Snail from "@lucide/svelte/icons/snail";
import Snowflake from "@lucide/svelte/icons/snowflake";
import Star from "@lucide/svelte/icons/star";
import Sun from "@lucide/svelte/icons/sun";
import Tent from "@lucide/svelte/icons/tent";
import Tree from "@lucide/svelte/icons/tree-pine";
import Turtle from "@lucide/svelte/icons/turtle";
import Umbrella from "@lucide/svelte/icons/umbrella";
import type { Picture } from "../core/seal/code";

/** The same lines on every machine, which no font for emoji promises. */
export const pictures: Readonly<Record<Picture, typeof Anchor>> = {
  anchor: Anchor,
  apple: Apple,
  axe: Axe,
  banana: Banana,
  bed: Bed,
  bell: Bell,
  bike: Bike,
  bird: Bird,
  bone: Bone,
  book: Book,
  bug: Bug,
  bus: Bus,
  cake: Cake,
  camera: Camera,
  carrot: Carrot,
  cat: Cat,
  cherry: Cherry,
  clock: Clock,
  cloud: Cloud,
  clover: Clover,
  coffee: Coffee,
  compass: Compass,
  cookie: Cookie,
  crown: Crown,
  diamond: Diamond,
  dice: Dice,
  dog: Dog,
  drum: Drum,
  egg: Egg,
  eye: Eye,
  feather: Feather,
  fish: Fish,
  flag: Flag,
  flame: Flame,
  flower: Flower,
  gift: Gift,
  glasses: Glasses,
  grapes: Grapes,
  guitar: Guitar,
  hammer: Hammer,
  heart: Heart,
  key: Key,
  lamp: Lamp,
  leaf: Leaf,
  magnet: Magnet,
  moon: Moon,
  mountain: Mountain,
  pencil: Pencil,
  piano: Piano,
  plane: Plane,
  rabbit: Rabbit,
  rocket: Rocket,
  scissors: Scissors,
  shell: Shell,
  ship: Ship,
  shirt: Shirt,
  snail: Snail,
  snowflake: Snowflake,
  star: Star,
  sun: Sun,
  tent: Tent,
  tree: Tree,
  turtle: Turtle,
  umbrella: Umbrella,
};
