0.000 candidates node1
      node1 starts, boot 1
      node2 starts, boot 1
      node3 starts, boot 1
      committed to 1
      node1 campaigns in term 2
      node1 leads in term 2
      committed to 7
2.000 client0 at node1
2.000 client1 at node2
2.000 client2 at node3
2.100 client0 write r0 A
2.101 client1 write r0 B
2.102 client2 write r0 C
2.103 client0 write r1 D
2.104 client1 write r1 E
      committed to 8
2.105 client2 write r1 F
2.106 client0 read r0
2.107 client1 read r0
2.108 client2 read r0
      client0 writes r0: done
      committed to 10
      client1 writes r0: done
      committed to 11
      client0 writes r1: done
      client2 writes r0: done
      committed to 12
      client1 writes r1: done
      client0 reads r0: C
      committed to 13
      client2 writes r1: done
      client1 reads r0: C
      client2 reads r0: C
4.000 client0 read r1
4.000 client1 read r1
4.000 client2 read r1
      client0 reads r1: F
      client2 reads r1: F
      client1 reads r1: F
       the faults stop for node1 node2 node3
       committed to 19
       held
